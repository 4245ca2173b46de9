import { useWords } from "../words";

/** Tells a screen reader which control is highlighted. */
export function Said({ name }: { readonly name: string }) {
  const { handsfree: texts } = useWords();
  return (
    <p className="visually-hidden" role="status" aria-label={texts.title}>
      {name}
    </p>
  );
}
