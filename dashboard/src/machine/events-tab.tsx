import { EventList } from "../events/event-list.tsx";
import { useEvents } from "../events/use-events.ts";

export default function EventsTab({ name }: { readonly name: string }) {
  const events = useEvents({ machine: name });
  return <EventList {...events} ofMachine={name} />;
}
