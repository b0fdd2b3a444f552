/** The starter configuration that `init` writes. */

export function starterText(listen: string): string {
  return `# yaml-language-server: $schema=./maasochist.schema.json
# MAASochist: what MAAS may switch. Check it with: maasochist config check

server:
  # Where MAAS reaches this daemon: an address of this host in a subnet of your rack controllers.
  listen: ${listen}
  # url: http://192.168.1.10:6227

access:
  tokens:
    # The token to enter in MAAS; it stands in secrets.yaml.
    - { name: maas, token: !secret maas_token, role: maas }   # from: [192.168.1.0/24] limits where it comes from

# Settings that machines share: { use: nuc, … }
profiles:
  nuc: { verify: 90s, tags: [nuc] }

# Things that several machines share; see: maasochist drivers
# hubs:
#   lab: { driver: simulated }

machines:
  # Something to try everything on. Nothing real is switched.
  try-me: { driver: simulated, boot: 3s, shutdown: 2s, initial: off }

  # Your own script; it prints on, off or unknown when asked for the state.
  # handmade:
  #   driver: command
  #   run: { on: [/opt/power, on, "{name}"], off: [/opt/power, off, "{name}"], query: [/opt/power, state, "{name}"] }

  # A desktop: woken by its network card, shut down by SSH, watched by ping.
  # desktop:
  #   mac: "00:00:5e:00:53:07"
  #   address: 192.168.1.17
  #   on: { driver: wake-on-lan }
  #   off: { driver: ssh, user: maas, key: !file id_ed25519, sudo: true, wait: 60s }
  #   query: { driver: reachable, silence: off }

  # Six machines in one entry; each switched by a device of its own with an HTTP interface.
  # "nuc[1-6]":
  #   use: nuc
  #   driver: http
  #   cuts: mains
  #   request:
  #     on: { url: "http://192.168.1.4{n}/relay/0?turn=on", method: GET }
  #     off: { url: "http://192.168.1.4{n}/relay/0?turn=off", method: GET }
  #     query: { url: "http://192.168.1.4{n}/relay/0" }
  #   expression: ison
`;
}

export function secretsText(token: string): string {
  return `# Read by !secret NAME. Keep it to yourself: chmod 600, and out of git.\nmaas_token: ${token}\n`;
}
