import type { ReactNode } from "react";
import { Banners } from "./banners.tsx";
import { Navigation } from "./navigation.tsx";

/** What stands around every page. */
export function Shell({ children }: { readonly children: ReactNode }) {
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Navigation />
      <main className="main" id="main" tabIndex={-1}>
        <Banners />
        <div className="page">{children}</div>
      </main>
    </div>
  );
}
