import { useCallback, useRef, useState } from "react";

import { deliver, type Delivery, type Undelivered } from "./delivery";

export interface FailedDelivery extends Undelivered {
  readonly delivery: Delivery;
}

export interface Deliveries {
  /** The statements that the server did not take; at most one for each topic. */
  readonly failed: readonly FailedDelivery[];
  /** Whether some of them are being sent again. */
  readonly sending: boolean;
  /**
   * Puts a statement into the log; nothing needs to wait for it. Never throws. The result says whether the log has it.
   * It is not tried again if a later one has the same topic.
   */
  readonly say: (delivery: Delivery) => Promise<boolean>;
  /** Sends those of `failed` again that may succeed. */
  readonly sendAgain: () => void;
}

/**
 * Sends what a person says about captures, in the order in which it was said: the last word on a topic counts. It goes
 * on if the person leaves the page.
 */
export function useDeliveries(): Deliveries {
  const [failed, setFailed] = useState<readonly FailedDelivery[]>([]);
  const [resending, setResending] = useState(0);
  const last = useRef(new Map<string, Delivery>());
  const queue = useRef<Promise<unknown>>(Promise.resolve());

  const enqueue = useCallback((delivery: Delivery): Promise<boolean> => {
    const isLast = () => last.current.get(delivery.topic) === delivery;
    // one after the other, so that an earlier word never arrives as the last one
    const delivered = queue.current.then(async () => {
      const undelivered = await deliver(delivery.send, () => !isLast());
      if (isLast()) {
        setFailed((all) => [
          ...all.filter((other) => other.delivery.topic !== delivery.topic),
          ...(undelivered ? [{ delivery, ...undelivered }] : []),
        ]);
      }
      return undelivered === null;
    });
    queue.current = delivered;
    return delivered;
  }, []);

  const say = useCallback(
    (delivery: Delivery) => {
      last.current.set(delivery.topic, delivery);
      setFailed((all) => all.filter(({ later }) => later)); // the others were read, and nothing can be done about them
      return enqueue(delivery);
    },
    [enqueue],
  );

  const sendAgain = useCallback(() => {
    for (const { delivery, later } of failed) {
      if (!later) continue;
      setResending((count) => count + 1);
      void enqueue(delivery).then(() => setResending((count) => count - 1));
    }
  }, [enqueue, failed]);

  return { failed, sending: resending > 0, say, sendAgain };
}
