import Notification from "@canonical/react-components/dist/esm/components/Notifications/Notification";
import { Link } from "../router.tsx";
import { useStore } from "../state/use-store.ts";
import { clock } from "../words/time.ts";

/** What is wrong with all that is shown. */
export function Banners() {
  const link = useStore((state) => state.link);
  const freshAt = useStore((state) => (state.link === "lost" ? state.freshAt : undefined));
  const problems = useStore((state) => state.status?.problems);
  return (
    <div className="banners" role="status">
      {link === "lost" && (
        <Notification
          severity="caution"
          title={freshAt === undefined ? "No connection" : `Connection lost, showing ${clock(freshAt)}`}
        >
          The daemon does not answer. It is tried again every few seconds; what is shown may be wrong by now.
        </Notification>
      )}
      {problems?.map((problem) => (
        <Notification key={problem} severity="negative" title="The daemon is in trouble">
          {problem} <Link to="configuration">Configuration</Link>
        </Notification>
      ))}
    </div>
  );
}
