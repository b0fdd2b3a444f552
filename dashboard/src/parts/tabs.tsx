import { Link } from "../router.tsx";

interface Props {
  readonly label: string;
  readonly tabs: readonly { readonly to: string; readonly title: string; readonly isHere: boolean }[];
}

/** Parts of a page, each with an address of its own. */
export function Tabs({ label, tabs }: Props) {
  return (
    <nav className="p-tabs" aria-label={label}>
      <ul className="p-tabs__list">
        {tabs.map(({ to, title, isHere }) => (
          <li className="p-tabs__item" key={to}>
            <Link to={to} className="p-tabs__link" aria-current={isHere ? "page" : undefined}>
              {title}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
