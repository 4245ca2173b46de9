import type { ReactNode } from "react";

import type { Failure } from "../api/failure";

export interface ErrorBannerProps {
  /** Nothing is shown without one. */
  readonly failure: Failure | null;
  /** `warning` if all goes on. */
  readonly tone?: "error" | "warning";
  /** What the person can do about it: buttons. */
  readonly children?: ReactNode;
}

/** What went wrong: the sentence, the code, a way on. It is read out at once. */
export function ErrorBanner({ failure, tone = "error", children }: ErrorBannerProps) {
  return (
    <div role="alert" className={failure ? `banner banner-${tone}` : undefined}>
      {failure && (
        <>
          <p className="banner-text">{failure.sentence}</p>
          <p className="banner-code">
            Code: <code className="code">{failure.code}</code>
          </p>
          {children && <div className="actions">{children}</div>}
        </>
      )}
    </div>
  );
}
