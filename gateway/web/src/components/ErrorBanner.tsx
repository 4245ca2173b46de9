import type { ReactNode } from "react";

import type { Failure } from "../api/failure";
import { useWords } from "../words";

export interface ErrorBannerProps {
  /** Null shows nothing. */
  readonly failure: Failure | null;
  /** `warning` if the work continues. */
  readonly tone?: "error" | "warning";
  /** Buttons that help. */
  readonly children?: ReactNode;
}

/** Shows a failure: its sentence, its code, and buttons. Screen readers read it out at once. */
export function ErrorBanner({ failure, tone = "error", children }: ErrorBannerProps) {
  const { common } = useWords();
  return (
    <div role="alert" className={failure ? `banner banner-${tone}` : undefined}>
      {failure && (
        <>
          <p className="banner-text">{failure.sentence}</p>
          <p className="banner-code">
            {common.code} <code className="code">{failure.code}</code>
          </p>
          {children && <div className="actions">{children}</div>}
        </>
      )}
    </div>
  );
}
