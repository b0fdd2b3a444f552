import { useEffect, useState } from "react";
import { Glyph } from "./glyph.tsx";

/** What comes at once needs no sign that it comes. */
const PATIENCE_MS = 300;

export function Loading({ what }: { readonly what: string }) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p className="loading" role="status">
      {isSlow && (
        <>
          <Glyph name="busy" className="state-glyph is-busy" /> Loading the {what}…
        </>
      )}
    </p>
  );
}
