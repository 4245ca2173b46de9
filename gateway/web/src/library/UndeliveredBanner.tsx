import { useLayoutEffect, useRef, useState } from "react";

import type { Failure } from "../api/failure";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import type { Deliveries, FailedDelivery } from "./useDeliveries";

/** Says which statements are not in the log, and sends them again. Nothing if all are. */
export function UndeliveredBanner({ deliveries }: { readonly deliveries: Deliveries }) {
  const { failed, sending, sendAgain } = deliveries;
  const [pressed, setPressed] = useState(false);
  const done = useRef<HTMLParagraphElement>(null);
  const settled = pressed && failed.length === 0;
  useLayoutEffect(() => {
    if (settled && document.activeElement === document.body) done.current?.focus(); // the button that had it is gone
  }, [settled]);

  function press() {
    setPressed(true);
    sendAgain();
  }
  return (
    <>
      <ErrorBanner tone="warning" failure={failureOf(failed)}>
        {failed.some(({ later }) => later) && (
          <Button tone="quiet" busy={sending} onClick={press}>
            Send it again
          </Button>
        )}
      </ErrorBanner>
      {settled && (
        <p className="verdict verdict-good" ref={done} tabIndex={-1}>
          The log has it now.
        </p>
      )}
    </>
  );
}

function failureOf(failed: readonly FailedDelivery[]): Failure | null {
  const last = failed.at(-1);
  if (!last) return null;
  const { code, sentence } = last.failure;
  const words = failed.map(({ delivery }) => `${delivery.words} is not in the log. ${delivery.meanwhile}`);
  return { code, sentence: [...words, sentence].join(" ") };
}
