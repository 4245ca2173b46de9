import { useEffect, useState } from "react";

import { useAccess } from "../api/token";

/** The address of a picture that the gateway serves, for an `<img>`; null while there is none, and if it fails. */
export function usePicture(path: string | null): string | null {
  const { send } = useAccess();
  const [shown, setShown] = useState<{ readonly path: string; readonly address: string } | null>(null);

  useEffect(() => {
    if (path === null) return undefined;
    const gone = new AbortController();
    let address: string | null = null;
    // fetched here, because an <img> cannot send the token
    async function load(wanted: string) {
      try {
        const picture = await (await send("GET", `/${wanted}`, { signal: gone.signal })).blob();
        if (gone.signal.aborted) return;
        address = URL.createObjectURL(picture);
        setShown({ path: wanted, address });
      } catch {
        // the text says what to show
      }
    }
    void load(path);
    return () => {
      gone.abort();
      if (address !== null) URL.revokeObjectURL(address);
    };
  }, [path, send]);

  return shown !== null && shown.path === path ? shown.address : null;
}
