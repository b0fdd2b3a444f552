/**
 * Where the page begins: what it will show is asked for while what shows it is still on its way. So nothing that is
 * imported here may import React.
 */
import { followSession } from "./state/follow-session.ts";
import "./styles/main.scss";

followSession();
const page = import("./page.tsx");
// This file waits for neither the style sheet nor the end of the document.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => void show());
else void show();

async function show(): Promise<void> {
  (await page).show();
}
