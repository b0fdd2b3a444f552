import type { MachineDetails } from "../api/types.ts";
import { Loading } from "../parts/loading.tsx";
import { TextView } from "../parts/text-view.tsx";

export default function ConfigurationTab({ details }: { readonly details: MachineDetails | undefined }) {
  if (!details) return <Loading what="configuration" />;
  const { config, origin } = details;
  return (
    <>
      <p>
        As it is after profiles, ranges and defaults; secrets are not shown.
        {origin && (
          <>
            {" "}
            It stands in <code>{`${origin.file}:${origin.line}`}</code>.
          </>
        )}
      </p>
      <TextView text={config} what="the configuration of this machine" />
    </>
  );
}
