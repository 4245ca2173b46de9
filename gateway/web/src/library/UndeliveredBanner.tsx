import { useLayoutEffect, useRef, useState } from "react";

import { failureWith, type Failure } from "../api/failure";
import { Button } from "../components/Button";
import { ErrorBanner } from "../components/ErrorBanner";
import { useWords, words } from "../words";
import type { Deliveries, FailedDelivery } from "./useDeliveries";

/** Says which statements are not in the log, and sends them again. Nothing if all are. */
export function UndeliveredBanner({ deliveries }: { readonly deliveries: Deliveries }) {
  const { failed, sending, sendAgain } = deliveries;
  const { undelivered } = useWords().library;
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
            {undelivered.again}
          </Button>
        )}
      </ErrorBanner>
      {settled && (
        <p className="verdict verdict-good" ref={done} tabIndex={-1}>
          {undelivered.done}
        </p>
      )}
    </>
  );
}

function failureOf(failed: readonly FailedDelivery[]): Failure | null {
  const last = failed.at(-1);
  if (!last) return null;
  return failureWith(last.failure.code, () => {
    const { missing } = words().library.undelivered;
    const each = failed.map(({ delivery }) => `${missing(delivery.words)} ${delivery.meanwhile}`);
    return [...each, last.failure.sentence].join(" ");
  });
}
