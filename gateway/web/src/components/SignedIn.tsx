import { useEffect, useState } from "react";

import { useAccess, useVisitor } from "../api/token";
import { at } from "../base";
import { useSession } from "../session/useSession";
import { forgetTab } from "../tabStorage";
import { useWords } from "../words";
import { Dialog } from "./Dialog";

/** Loads the first page again. What this page has in memory is gone then, the token too. */
function leave(): void {
  window.location.assign(at("/"));
}

/** Says who is signed in, with a button to sign out; or has a button to sign in. Empty if the server asks for no token. */
export function SignedIn({ onLeave = leave }: { readonly onLeave?: () => void }) {
  const { store } = useAccess();
  const { who, mustSignIn } = useVisitor();
  const { session, lose } = useSession();
  const [asking, setAsking] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const { access } = useWords();

  useEffect(() => {
    if (!leaving) return;
    forgetTab();
    onLeave(); // in an effect: no session is open any more, so the browser does not ask a second time
  }, [leaving, onLeave]);

  function signOut() {
    lose(null);
    setLeaving(true);
  }

  if (!who?.name) {
    return mustSignIn ? (
      <button type="button" className="text-button signed-in" onClick={() => void store.ask(null)}>
        {access.signIn}
      </button>
    ) : null;
  }
  return (
    <p className="signed-in">
      <span>
        {access.signedIn(who.name)} <span className="signed-in-role">({access.roles[who.role]})</span>
      </span>
      <button type="button" className="text-button" onClick={session ? () => setAsking(true) : signOut}>
        {access.signOut}
      </button>
      {asking && (
        <Dialog title={access.leave.title} submit={access.signOut} onClose={() => setAsking(false)} onSubmit={signOut}>
          <p>{access.leave.text}</p>
        </Dialog>
      )}
    </p>
  );
}
