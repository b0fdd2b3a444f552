import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./shell/theme.ts";

export function show(): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no place for the dashboard");
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
