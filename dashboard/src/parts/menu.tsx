import { Fragment, type KeyboardEvent, useId, useLayoutEffect, useRef, useState } from "react";
import { Glyph } from "./glyph.tsx";

export interface MenuItem {
  readonly label: string;
  /** Why it cannot be chosen now. */
  readonly why?: string | undefined;
  readonly onChoose: () => void;
}

interface Props {
  /** What the button with the three dots opens. */
  readonly label: string;
  /** A line is drawn between groups. Asked for when it is opened. */
  readonly groups: () => readonly (readonly MenuItem[])[];
}

/** Room that is left to the edges of the screen (px). */
const EDGE = 8;

/** A popover of the browser's own: Escape and a click elsewhere close it, and the focus goes back to the button. */
export function Menu({ label, groups }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);

  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    // The browser shows it after this, and before it draws: only then it has a size, and can have the focus.
    const shown = requestAnimationFrame(() => {
      if (!menu.current || !button.current) return;
      place(menu.current, button.current);
      itemsOf(menu.current)[0]?.focus({ preventScroll: true });
    });
    // It would stay where the button no longer is.
    const close = () => menu.current?.hidePopover();
    const scroller = button.current?.closest("main");
    scroller?.addEventListener("scroll", close, { once: true });
    return () => {
      cancelAnimationFrame(shown);
      scroller?.removeEventListener("scroll", close);
    };
  }, [isOpen]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (!menu.current) return;
    const items = itemsOf(menu.current);
    const at = items.findIndex((item) => item.matches(":focus"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    // The table would move to another machine.
    event.stopPropagation();
    event.preventDefault();
    items[(to + items.length) % items.length]?.focus();
  };

  return (
    <>
      <button
        ref={button}
        type="button"
        className="menu-button"
        popoverTarget={id}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-label={label}
        title="Take action"
      >
        <Glyph name="more" />
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        className="menu"
        onBeforeToggle={(event) => setOpen(event.newState === "open")}
        onKeyDown={onKeyDown}
      >
        {isOpen &&
          groups().map((items, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: groups never change places
            <Fragment key={index}>
              {index > 0 && <hr />}
              {items.map(({ label: words, why, onChoose }) => (
                <button
                  key={words}
                  type="button"
                  role="menuitem"
                  className="menu__item"
                  aria-disabled={why !== undefined}
                  title={why}
                  onClick={() => {
                    if (why !== undefined) return;
                    menu.current?.hidePopover();
                    onChoose();
                  }}
                >
                  {words}
                </button>
              ))}
            </Fragment>
          ))}
      </div>
    </>
  );
}

function itemsOf(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role=menuitem]")];
}

/** Below the button, its right edge at the button's; above it where there is no room below. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const { bottom, top, right } = button.getBoundingClientRect();
  const { offsetHeight: height, offsetWidth: width } = menu;
  const fitsBelow = bottom + height + EDGE <= window.innerHeight;
  menu.style.top = `${Math.max(EDGE, fitsBelow ? bottom : top - height)}px`;
  menu.style.left = `${Math.max(EDGE, right - width)}px`;
}
