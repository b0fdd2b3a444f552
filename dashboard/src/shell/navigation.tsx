import { useState } from "react";
import { failureFrom } from "../api/client.ts";
import { addressOf } from "../base.ts";
import { Glyph, type GlyphName } from "../parts/glyph.tsx";
import { Link, usePath } from "../router.tsx";
import { announce } from "../state/announce.ts";
import { signOut } from "../state/session.ts";
import { useSession } from "../state/use-session.ts";
import { useStore } from "../state/use-store.ts";
import { setTheme, type Theme, useTheme } from "./theme.ts";

const PAGES: readonly { readonly path: string; readonly title: string; readonly glyph: GlyphName }[] = [
  { path: "", title: "Machines", glyph: "machines" },
  { path: "hubs", title: "Hubs", glyph: "hubs" },
  { path: "events", title: "Events", glyph: "events" },
  { path: "configuration", title: "Configuration", glyph: "configuration" },
];

export function Navigation() {
  const path = usePath();
  const [isOpen, setOpen] = useState(false);
  const isHere = (page: string) => (page === "" ? path === "" || path.startsWith("machines/") : path === page);
  const failing = useStore((state) => [...(state.hubs?.values() ?? [])].filter((hub) => hub.failing).length);
  return (
    <header className={`nav is-dark${isOpen ? " is-open" : ""}`}>
      <div className="nav__head">
        <Link to="" className="nav__brand">
          <img src={addressOf("icon.svg").href} alt="" width="24" height="24" />
          MAASochist
        </Link>
        <button
          type="button"
          className="nav__toggle"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setOpen(!isOpen)}
        >
          <Glyph name="menu" /> Menu
        </button>
      </div>
      <div className="nav__drawer" id="navigation">
        <nav aria-label="Pages">
          <ul className="nav__pages">
            {PAGES.map(({ path: to, title, glyph }) => (
              <li key={to}>
                <Link
                  to={to}
                  className="nav__page"
                  aria-current={isHere(to) ? "page" : undefined}
                  onClick={() => setOpen(false)}
                >
                  <Glyph name={glyph} /> {title}
                  {to === "hubs" && failing > 0 && (
                    <span className="nav__count">
                      {failing}
                      <span className="u-off-screen"> failing</span>
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Foot />
      </div>
    </header>
  );
}

function Foot() {
  const { actor, version } = useSession();
  const theme = useTheme();
  const leave = () => signOut().catch((error: unknown) => announce(failureFrom(error).message));
  return (
    <div className="nav__foot">
      <p className="nav__actor">
        {actor.name} <span className="nav__role">{actor.role}</span>
        {actor.kind !== "local" && (
          <button type="button" className="nav__link" onClick={() => void leave()}>
            Sign out
          </button>
        )}
      </p>
      <label className="nav__theme">
        <span>Theme</span>
        <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          <option value="auto">as the system</option>
          <option value="light">light</option>
          <option value="dark">dark</option>
        </select>
      </label>
      <p className="nav__about">
        <span>Version {version}</span>
        <a href={addressOf("api/v1/docs").href}>API</a>
        <a href={addressOf("licenses.txt").href}>Licences</a>
      </p>
    </div>
  );
}
