/** A hardened systemd service and the socket that starts it. See systemd.exec(5), systemd.service(5), systemd.socket(5). */

/** The account that the service runs as. */
export const ACCOUNT = "maasochist";
/** What systemd makes for services, and gives to their account. */
const STATE_ROOT = "/var/lib/";

export interface ServiceOptions {
  /** Absolute path of Node.js. */
  readonly node: string;
  /** Absolute path of dist/main.js. */
  readonly main: string;
  /** Absolute path of the configuration. */
  readonly config: string;
  /** Absolute path of the folder that the journal stands in, as the configuration has it. */
  readonly state: string;
}

export function serviceUnit({ node, main, config, state }: ServiceOptions): string {
  return `[Unit]
Description=MAASochist: switches machines for MAAS
Requires=maasochist.socket
After=network-online.target maasochist.socket
Wants=network-online.target
# However often it fails: a daemon that is given up leaves MAAS without power control.
StartLimitIntervalSec=0

[Service]
# It counts as started when it listens. Signs of life come by systemd-notify, a child of the daemon: hence NotifyAccess.
Type=notify
NotifyAccess=all
WatchdogSec=60
ExecStart=${quoted(node)} ${quoted(main)} serve -c ${quoted(config)}
# Fails, and says why, where the configuration is invalid: the last good one then goes on.
ExecReload=${quoted(node)} ${quoted(main)} -c ${quoted(config)} reload
Restart=on-failure
RestartSec=2
# Only the daemon is asked to stop; the programs that it runs may end what they do. Make it longer than
# the configuration's shutdown_grace (10 s).
KillMode=mixed
TimeoutStopSec=30

User=${ACCOUNT}
${stateLine(state)}
UMask=0077

# CAP_NET_RAW is for ping, which the driver \`reachable\` runs.
CapabilityBoundingSet=CAP_NET_RAW
AmbientCapabilities=CAP_NET_RAW
# Programs of your own that call sudo need NoNewPrivileges=no and RestrictSUIDSGID=no.
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
# Programs of your own that use USB, GPIO or serial ports need PrivateDevices=no.
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
# @pkey is V8's, which guards the code that it makes.
SystemCallFilter=@system-service @pkey
SystemCallErrorNumber=EPERM
# AF_NETLINK is for reading neighbours (ARP), AF_UNIX for the local socket and an SSH agent.
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK

[Install]
WantedBy=multi-user.target
`;
}

/** systemd keeps the socket while the daemon restarts: MAAS does not repeat a refused connection. */
export function socketUnit(listen: string): string {
  return `[Unit]
Description=MAASochist: where MAAS's webhooks arrive

[Socket]
ListenStream=${listen}
# At boot the address may come later than this.
FreeBind=yes
NoDelay=yes
Backlog=4096

[Install]
WantedBy=sockets.target
`;
}

function stateLine(state: string): string {
  if (!state.startsWith(STATE_ROOT)) return `ReadWritePaths=${quoted(state)}`;
  return `StateDirectory=${quoted(state.slice(STATE_ROOT.length))}\nStateDirectoryMode=0700`;
}

function quoted(path: string): string {
  return /[\s"'\\$%]/.test(path)
    ? `"${path.replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll(/["\\]/g, "\\$&")}"`
    : path;
}
