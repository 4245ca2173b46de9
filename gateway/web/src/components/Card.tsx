import { useId, type ReactNode } from "react";

export interface CardProps {
  readonly title: string;
  readonly children: ReactNode;
}

/** A section of a page with a title. */
export function Card({ title, children }: CardProps) {
  const id = useId();
  return (
    <section className="card stack" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}
