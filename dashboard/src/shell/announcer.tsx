import { useEffect, useState } from "react";
import { whenAnnounced } from "../state/announce.ts";

/** Told to screen readers; it is on the page before it says something, or they would not listen. */
export function Announcer() {
  const [text, setText] = useState("");
  useEffect(() => whenAnnounced(setText), []);
  return (
    <div className="u-off-screen" aria-live="polite" data-announcer="">
      {text}
    </div>
  );
}
