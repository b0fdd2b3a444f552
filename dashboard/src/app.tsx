import { type ComponentType, lazy, Suspense } from "react";
import { Actions } from "./actions/actions.tsx";
import { TaskList } from "./actions/task-list.tsx";
import { MachinesPage } from "./machines/page.tsx";
import { FailureNotice } from "./parts/failure-notice.tsx";
import { Loading } from "./parts/loading.tsx";
import { Link, usePath } from "./router.tsx";
import { Announcer } from "./shell/announcer.tsx";
import { PageBoundary } from "./shell/page-boundary.tsx";
import { Shell } from "./shell/shell.tsx";
import { useSignedIn } from "./state/use-session.ts";

const SignInPage = lazy(() => import("./signin/page.tsx"));
/** Pages of one thing each: `machines/nuc1`. */
const PAGES_OF: Readonly<Record<string, ComponentType<{ readonly name: string }>>> = {
  machines: lazy(() => import("./machine/page.tsx")),
  hubs: lazy(() => import("./hubs/hub-page.tsx")),
};
const PAGES: Readonly<Record<string, ComponentType>> = {
  "": MachinesPage,
  hubs: lazy(() => import("./hubs/page.tsx")),
  events: lazy(() => import("./events/page.tsx")),
  configuration: lazy(() => import("./configuration/page.tsx")),
  add: lazy(() => import("./add/page.tsx")),
};

export function App() {
  return (
    <>
      <Announcer />
      <Inside />
    </>
  );
}

function Inside() {
  const signedIn = useSignedIn();
  switch (signedIn.kind) {
    case "asking":
      return <Loading what="dashboard" />;
    case "unknown":
      return (
        <main className="alone">
          <h1 className="u-off-screen">MAASochist</h1>
          <FailureNotice title="The dashboard cannot be shown" failure={signedIn.failure} />
          <p role="status">It is tried again every few seconds.</p>
        </main>
      );
    case "out":
      return (
        <Suspense fallback={<Loading what="page" />}>
          <SignInPage />
        </Suspense>
      );
    case "in":
      return <SignedIn />;
    default:
      return signedIn satisfies never;
  }
}

function SignedIn() {
  const path = usePath();
  return (
    <Actions>
      <Shell>
        <PageBoundary key={path}>
          <Suspense fallback={<Loading what="page" />}>
            <Page path={path} />
          </Suspense>
        </PageBoundary>
      </Shell>
      <TaskList />
    </Actions>
  );
}

function Page({ path }: { readonly path: string }) {
  const [first = "", second] = path.split("/");
  const PageOf = PAGES_OF[first];
  if (PageOf && second !== undefined) return <PageOf key={second} name={decodeURIComponent(second)} />;
  // Who is signed in already has no need to.
  const Found = PAGES[first === "machines" || first === "signin" ? "" : path];
  return Found ? <Found /> : <NotFound />;
}

function NotFound() {
  return (
    <div className="empty">
      <h1 className="p-heading--4">There is no such page</h1>
      <p>
        <Link to="">The machines</Link> are still where they were.
      </p>
    </div>
  );
}
