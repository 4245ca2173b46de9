import { Card } from "../components/Card";

/** The recorded captures of the open session, one line each. */
export function SessionCaptures({ lines }: { readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <Card title="In this session">
      <ol className="captures">
        {lines.map((line, place) => (
          // oxlint-disable-next-line react/no-array-index-key -- lines are only ever added at the end
          <li key={place}>{line}</li>
        ))}
      </ol>
    </Card>
  );
}
