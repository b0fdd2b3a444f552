import { Link } from "../router.tsx";

interface NotThereProps {
  readonly what: string;
  readonly name: string;
  /** Where all of them are. */
  readonly to: string;
}

/** Instead of a page of one thing that is not known. */
export function NotThere({ what, name, to }: NotThereProps) {
  return (
    <div className="empty">
      <h1 className="p-heading--4">
        There is no {what} {name}
      </h1>
      <p>
        It is not in the configuration, or you may not see it. <Link to={to}>All {what}s</Link>
      </p>
    </div>
  );
}
