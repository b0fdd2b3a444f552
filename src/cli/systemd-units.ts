/** A hardened systemd service and the socket that starts it. See systemd.exec(5), systemd.socket(5). */

export interface UnitOptions {
  /** Absolute path of Node.js. */
  readonly node: string;
  /** Absolute path of dist/main.js. */
  readonly main: string;
  /** Absolute path of the configuration. */
  readonly config: string;
  /** `192.168.1.10:6227`. */
  readonly listen: string;
}

export function serviceUnit({ node, main, config }: UnitOptions): string {
  return `[Unit]
Description=MAASochist: switches machines for MAAS
Documentation=https://maas.io/docs
Requires=maasochist.socket
After=network-online.target maasochist.socket
Wants=network-online.target

[Service]
ExecStart=${quoted(node)} ${quoted(main)} serve -c ${quoted(config)}
Restart=on-failure
RestartSec=1
# Orders under way get 10 s to end when it stops.
TimeoutStopSec=30

DynamicUser=yes
StateDirectory=maasochist
RuntimeDirectory=maasochist
UMask=0077

# NoNewPrivileges also takes file capabilities away: ping then needs
# net.ipv4.ping_group_range to hold this account's group, as Debian and Ubuntu have it.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
# AF_NETLINK is for reading neighbours (ARP), AF_UNIX for the local socket.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK

[Install]
WantedBy=multi-user.target
`;
}

/** systemd keeps the socket while the daemon restarts: MAAS does not repeat a refused connection. */
export function socketUnit({ listen }: UnitOptions): string {
  return `[Unit]
Description=MAASochist: where MAAS's webhooks arrive

[Socket]
ListenStream=${listen}
NoDelay=yes
Backlog=4096

[Install]
WantedBy=sockets.target
`;
}

function quoted(path: string): string {
  return /[\s"'\\$%]/.test(path)
    ? `"${path.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll(/["\\]/g, "\\$&")}"`
    : path;
}
