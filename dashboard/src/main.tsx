import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { askSession } from "./state/session.ts";
import "./shell/theme.ts";
import "./styles/main.scss";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no place for the dashboard");
void askSession();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
