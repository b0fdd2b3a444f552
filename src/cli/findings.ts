/**
 * Everything that `doctor` can find: one table, from which docs/doctor.md is generated. `{words}` are filled in when it
 * is found. Codes are stable, for scripts and for links.
 */

/** Nothing is wrong here. */
interface Good {
  readonly level: "ok";
  readonly what: string;
}

interface Bad {
  /** An error keeps MAAS or the daemon from doing what it should; a warning will hurt one day. */
  readonly level: "warning" | "error";
  readonly what: string;
  /** The likely one. */
  readonly cause: string;
  readonly next: string;
}

type Findings = Readonly<Record<string, Good | Bad>>;

const HOST = {
  node: { level: "ok", what: "Node.js {version}" },
  "node-old": {
    level: "error",
    what: "Node.js {version} is older than {least}",
    cause: "The system's own package of Node.js is an old one.",
    next: "Install Node.js 22 or later, for instance from https://nodejs.org/en/download.",
  },
  clock: { level: "ok", what: "the clock is plausible{how}" },
  "clock-wrong": {
    level: "error",
    what: "the clock says {time}",
    cause: "The host has no battery for its clock, and found no time server when it started.",
    next: "Set the time (NTP): the journal's times would be wrong, and MAAS refuses requests that are 300 s off.",
  },
  "clock-unsynchronised": {
    level: "warning",
    what: "no time server sets the clock",
    cause: "Neither systemd-timesyncd nor another NTP client runs, or it reaches no server.",
    next: "Run `timedatectl set-ntp true`, and look at `timedatectl`.",
  },
} as const satisfies Findings;

const CONFIGURATION = {
  configuration: { level: "ok", what: "{file} is valid: {machines}" },
  "configuration-invalid": {
    level: "error",
    what: "{file} is invalid: {problems}",
    cause: "It was changed and not checked. A daemon that runs goes on with what it read last.",
    next: "See all of it with: maasochist config check",
  },
  "configuration-error": {
    level: "error",
    what: "{place}: {problem} [{problemCode}]",
    cause: "The line is not what the configuration takes.",
    next: "Correct the line; errors.md tells of the code in brackets.",
  },
  "configuration-warning": {
    level: "warning",
    what: "{place}: {problem} [{problemCode}]",
    cause: "It is valid, and will hurt.",
    next: "errors.md tells of the code in brackets.",
  },
} as const satisfies Findings;

const FILES = {
  store: { level: "ok", what: "{folder} can be written, {free} free" },
  "store-new": { level: "ok", what: "{folder} is made when the daemon starts" },
  "store-unwritable": {
    level: "warning",
    what: "{folder} cannot be written by this account",
    cause: "The daemon runs as another account, which is well; or the folder belongs to somebody else.",
    next: "Run doctor as the daemon's account, or with sudo. Else change the folder's owner, or `store: { path: … }`.",
  },
  "store-no-folder": {
    level: "error",
    what: "{folder} is no folder, and the journal is to be kept in it",
    cause: "`store: { path: … }` leads through a file.",
    next: "Correct `store: { path: … }`.",
  },
  "disk-full": {
    level: "error",
    what: "{free} are free on the disk of {folder}",
    cause: "Something else fills the disk: logs, images. Orders run, but are not recorded.",
    next: "Make room, or move the journal: `store: { path: … }`.",
  },
  "disk-low": {
    level: "warning",
    what: "{free} are free on the disk of {folder}",
    cause: "Something else fills the disk: logs, images.",
    next: "Make room before the journal has none. `store: { keep: 30d }` keeps less of it.",
  },
  "file-readable": {
    level: "error",
    what: "{file} can be read by other users (mode {mode}), and holds {secrets}",
    cause: "It was copied, restored or written with an editor that keeps no modes.",
    next: "Run: chmod 600 {file}",
  },
  "file-owner": {
    level: "error",
    what: "{file} belongs to {owner}, and the daemon's account is {account}",
    cause: "A command or the daemon was once run as root, or the files were copied.",
    next: "Run: chown {account} {file}",
  },
} as const satisfies Findings;

const DAEMON = {
  daemon: { level: "ok", what: "the daemon {version} started {since}, listens on {listening}" },
  "daemon-absent": {
    level: "error",
    what: "no daemon answers at {socket}",
    cause: "It was not started, it ended, or it runs with another configuration.",
    next: "Start it: `maasochist serve` (in a clone `npm start`), or `systemctl start maasochist`. The daemon of another configuration is found with -c FILE.",
  },
  "daemon-denied": {
    level: "error",
    what: "this account may not speak to the daemon at {socket}",
    cause: "The socket is for the daemon's own account and root.",
    next: "Run it as the daemon's own account, or with sudo.",
  },
  "daemon-silent": {
    level: "error",
    what: "the daemon at {socket} does not answer as it should: {problem}",
    cause: "It is stopping, or hangs, or is of a version that this command does not know.",
    next: "Look at its log, and restart it.",
  },
  "daemon-version": {
    level: "warning",
    what: "the daemon is {daemon}, and this command is {command}",
    cause: "It was updated, and the daemon was not restarted; or there are two installations.",
    next: "Restart the daemon. `maasochist version` and `which maasochist` tell which command this is.",
  },
  "daemon-problem": {
    level: "error",
    what: "{problem}",
    cause: "The daemon has met it since it started, and works without what is missing.",
    next: "The message says what to do; the daemon's log tells more.",
  },
  "daemon-maas": {
    level: "warning",
    what: "the daemon cannot ask MAAS, since {since}: {problem}",
    cause: "MAAS's region controller is down or busy, or its address or key has changed.",
    next: "Machines are switched all the same; their status in MAAS is old, and so is an address that is asked of it.",
  },
  "configuration-stale": {
    level: "warning",
    what: "the daemon runs with an older configuration: {differences}",
    cause:
      "What it listens on and where it keeps its files changes only by a restart; the rest when the file was noticed.",
    next: "{remedy}",
  },
  "listen-taken": {
    level: "error",
    what: "something else listens on {address} already",
    cause: "Another daemon, or the same one with another configuration.",
    next: "See which: ss -ltnp 'sport = :{port}'. Stop it, or change `server: { listen: … }`.",
  },
  "listen-foreign": {
    level: "error",
    what: "{address} is no address of this host, and `listen:` has it",
    cause: "The host got another address by DHCP, or the configuration comes from another host.",
    next: "See `ip address`, and correct `server: { listen: … }`. Give the host a fixed address.",
  },
} as const satisfies Findings;

const ADDRESS = {
  url: { level: "ok", what: "{url} leads to this daemon{how}" },
  "url-host-name": {
    level: "warning",
    what: "{url} has a host name: MAAS switches by it, and never polls it in the background",
    cause: "MAAS looks for a literal IP address in a subnet of a rack controller, and asks no name server.",
    next: "Write the IP address: `server: { url: http://192.168.1.10:6227 }`.",
  },
  "url-loopback": {
    level: "warning",
    what: "{url} is an address of this host alone: MAAS does not poll it in the background, and no other host reaches it",
    cause: "`server: { listen: … }` has a loopback address, which is the default.",
    next: "Listen on this host's address in a subnet of a rack controller, and give MAAS that.",
  },
  "url-unusable": {
    level: "error",
    what: "MAAS cannot use {url}: {why}",
    cause: "MAAS takes a URI as it is, without encoding anything.",
    next: "Write `server: { url: … }` with an IP address, and letters, digits and - . _ / alone behind it.",
  },
  "url-unreachable": {
    level: "error",
    what: "{url} cannot be reached{from}: {why}",
    cause: "The url and `listen:` do not fit, a firewall is in between, or the address is an old one.",
    next: "Compare `server: { url, listen }` with `ip address`. Open the port in the firewall.",
  },
  "url-redirects": {
    level: "error",
    what: "{method} {url} is redirected to {location}: MAAS follows this for a query, and fails to switch",
    cause: "A proxy sends http to https, or adds or takes a slash.",
    next: "Give MAAS the final address (`server: { url: … }`), or let the proxy pass on /maas without a redirect.",
  },
  "url-not-daemon": {
    level: "error",
    what: "{url} is answered by something else than this daemon: {answer}",
    cause: "A proxy answers with a page of its own, or another program has the address.",
    next: "Compare `server: { url, listen }`. A proxy must pass on everything under /maas, and /healthz.",
  },
  "url-other-daemon": {
    level: "error",
    what: "{url} is answered by another MAASochist than the one at {socket}",
    cause: "Two daemons run, or the url is that of another host.",
    next: "Correct `server: { url: … }`, or use the other daemon's configuration with -c FILE.",
  },
  "answer-framing": {
    level: "warning",
    what: "answers come through as {framing}; MAAS is best served by HTTP/1.1 with a Content-Length",
    cause: "A proxy in between rewrites answers: it compresses or chunks them, or speaks HTTP/1.0.",
    next: "Switch compression off for /maas in the proxy, and let it pass on answers as they are.",
  },
  "proxy-between": {
    level: "warning",
    what: "a proxy is between {url} and the daemon: requests come from {address}",
    cause: "`url` is the proxy's address, or a container's network translates addresses.",
    next: "See that it waits longer than `hold` ({hold}): nginx gives up after 60 s (proxy_read_timeout). `from:` of tokens sees the proxy's address alone.",
  },
  "proxy-drops-token": {
    level: "error",
    what: "the Authorization header does not arrive through {url}: MAAS would get 401 for everything",
    cause: "A proxy takes it for its own login, or is not told to pass it on.",
    next: "Let the proxy pass on Authorization under /maas, and ask for no login of its own there.",
  },
  "proxy-drops-system-id": {
    level: "warning",
    what: "the System_Id header does not arrive through {url}",
    cause: "nginx drops names with an underscore.",
    next: "Set `underscores_in_headers on;` in nginx. Without it nothing fails, but MAAS's ids of machines are not learned.",
  },
  "proxy-buffers": {
    level: "warning",
    what: "{url} holds answers back until they are whole: {ms} for one that began at once",
    cause: "nginx and others buffer answers.",
    next: "For live events through it: `proxy_buffering off;`. MAAS's own requests do not mind.",
  },
  tls: { level: "ok", what: "the certificate of {url} is valid until {until}, without a server name as MAAS asks" },
  "tls-fails": {
    level: "error",
    what: "{url} does not speak TLS with a caller that names no server: {why}",
    cause: "The proxy chooses its certificate by name (SNI), which MAAS does not send; or the port speaks plain HTTP.",
    next: "Give the proxy a default certificate, or take http.",
  },
  "tls-refused": {
    level: "error",
    what: "MAAS refuses the certificate of {url}, which it is to verify for {machines}: {why}",
    cause: "Verify SSL is on there, and the certificate is not from an authority in the system's store.",
    next: "Put its authority into the store of every rack controller, or set Verify SSL to No.",
  },
  "tls-untrusted": {
    level: "warning",
    what: "the certificate of {url} is not from an authority in this system's store: {why}",
    cause: "It is a self-signed one or a private authority's, or its intermediate certificates are not sent with it.",
    next: "Leave Verify SSL at No in MAAS, or put the authority into the store of every rack controller.",
  },
  "tls-expired": {
    level: "warning",
    what: "the certificate of {url} expired on {until}",
    cause: "Nothing renews it.",
    next: "Renew it. Until then MAAS takes it only where Verify SSL is No.",
  },
  "tls-expires": {
    level: "warning",
    what: "the certificate of {url} expires on {until}",
    cause: "It is renewed late, or not at all.",
    next: "Renew it.",
  },
  certificate: {
    level: "ok",
    what: "the certificate {file} is good until {until}",
  },
  "certificate-expired": {
    level: "error",
    what: "the certificate {file} expired on {until}",
    cause: "Nothing renews it.",
    next: "Renew it; the daemon takes the new one over by itself. Browsers refuse it until then.",
  },
  "certificate-early": {
    level: "error",
    what: "the certificate {file} counts only from {from} on",
    cause: "This host's clock is wrong, or that of whoever made it.",
    next: "Set the time; or make the certificate anew.",
  },
  "certificate-expires": {
    level: "warning",
    what: "the certificate {file} expires on {until}",
    cause: "It is renewed late, or not at all.",
    next: "Renew it; the daemon takes the new one over by itself.",
  },
  "certificate-unusable": {
    level: "error",
    what: "{problem}",
    cause: "The files of `tls: { cert: …, key: … }` are not there, cannot be read, or do not belong together.",
    next: "Correct them. A daemon that runs goes on with the old ones.",
  },
} as const satisfies Findings;

const HUBS = {
  hubs: { level: "ok", what: "{hubs} answered, the slowest ({slowest}) in {ms}" },
  "hub-unreachable": {
    level: "error",
    what: "{hub} ({driver}) began to fail {since}: {problem}; on it: {machines}",
    cause: "It has no current, another address, or its network is down.",
    next: "{hint}",
  },
  "hub-timeout": {
    level: "error",
    what: "{hub} ({driver}) began to be too late {since}: {problem}; on it: {machines}",
    cause: "It hangs, or its network loses packets: weak Wi-Fi, most times.",
    next: "{hint}",
  },
  "hub-auth": {
    level: "error",
    what: "{hub} ({driver}) began to refuse us {since}: {problem}; on it: {machines}",
    cause: "Its password was changed, or it was reset.",
    next: "{hint}",
  },
  "hub-wrong-device": {
    level: "error",
    what: "{hub} ({driver}) became another device {since}: {problem}; on it: {machines}",
    cause: "An access point gave the address to another device, or the device was replaced.",
    next: "{hint}",
  },
  "hub-slow": {
    level: "warning",
    what: "{hub} ({driver}) took {ms} for its last exchange, and is given {timeout}",
    cause: "Its radio is weak, it is overloaded, or other programs ask it as well.",
    next: "Better its network, or raise `timeout` of the hub.",
  },
  "machine-unreadable": {
    level: "error",
    what: "{machine} cannot be read: {problem} [{problemCode}]",
    cause: "The hub answers, and not for this outlet.",
    next: "{hint}",
  },
  "machine-unknown": {
    level: "warning",
    what: "the state of {machine} is unknown: {reason}",
    cause: "What would tell it says neither on nor off.",
    next: "See `maasochist status {machine}`. MAAS fails to switch on what reads unknown.",
  },
  "device-timer": {
    level: "error",
    what: "{outlet} of {machine}: {problem}",
    cause: "A timer in the device's own settings.",
    next: "{mend}",
  },
  "device-held": {
    level: "error",
    what: "{outlet} of {machine}: {problem}",
    cause: "A setting or a protection of the device keeps it from obeying.",
    next: "{mend}",
  },
  "device-retained": {
    level: "error",
    what: "{outlet} of {machine}: {problem}",
    cause: "Some program published a command with `retain`, and the broker keeps it.",
    next: "{mend}",
  },
  "device-interlock": {
    level: "warning",
    what: "{outlet} of {machine}: {problem}",
    cause: "The device was set up so that only one of its relays closes.",
    next: "{mend}",
  },
  "device-mains": {
    level: "warning",
    what: "{outlet} of {machine}: {problem}",
    cause: "What the device does when mains return is a setting of its own.",
    next: "{mend}",
  },
  "device-unexamined": {
    level: "warning",
    what: "the own settings of {hub} ({driver}) cannot be read: {problem}",
    cause: "Its user may not, or its firmware is older than these settings.",
    next: "{hint}",
  },
} as const satisfies Findings;

const POLLS = {
  polled: { level: "ok", what: "{agent} at {address} asked {when} for {machines}" },
  "never-polled": {
    level: "warning",
    what: "MAAS has asked nothing since the daemon started",
    cause: "No machine in MAAS has this daemon's addresses, or MAAS cannot reach them.",
    next: "Register the machines: `maasochist maas register`; or enter the addresses (docs/maas.md), and press Check power in MAAS.",
  },
  "machine-never-polled": {
    level: "warning",
    what: "MAAS has never asked for {machines} since the daemon started {since}",
    cause: "They are not in MAAS with this daemon's addresses, or are broken there; MAAS does not poll those.",
    next: "See `maasochist maas plan`; or enter the addresses (docs/maas.md), and press Check power in MAAS.",
  },
  "poll-overdue": {
    level: "warning",
    what: "MAAS asked for {machine} {when}; it should every 5 minutes",
    cause: "The machine was taken out of MAAS or is broken there, or the rack controller is down.",
    next: "Look at the machine in MAAS. Is its query URI a literal IP address in a subnet of a rack controller?",
  },
  "told-unknown": {
    level: "warning",
    what: "MAAS was told last that the state of {machine} is unknown, {when}",
    cause: "Nothing measured the state at that time.",
    next: "See `maasochist status {machine}`. MAAS fails to switch on what reads unknown.",
  },
  "told-failure": {
    level: "warning",
    what: "MAAS was told last that {machine} cannot be read, {when}",
    cause: "Its hub did not answer at that time.",
    next: "See `maasochist status {machine}` and `maasochist hubs`.",
  },
  refused: {
    level: "warning",
    what: "a request of {agent} from {address} for {machine} was refused {when}: {problemCode}",
    cause: "MAAS has an old or a mistyped token for it, or `from:` of the token does not hold the rack controller.",
    next: "Run: maasochist maas register {machine}. Or correct `from:`; errors.md tells of the code.",
  },
  "old-route": {
    level: "warning",
    what: "{agent} at {address} still asks for {machine} by the address of {route}",
    cause: "The machine was entered in MAAS before this daemon took the place of {route}.",
    next: "Run: maasochist maas register {machine}",
  },
} as const satisfies Findings;

const MAAS = {
  maas: { level: "ok", what: "MAAS {version} at {url} takes the key of {user}" },
  "maas-machines": { level: "ok", what: "in MAAS as they should be: {machines}" },
  "maas-unreachable": {
    level: "error",
    what: "{problem}",
    cause: "MAAS does not run, its address changed, or a firewall is in between.",
    next: "{hint}",
  },
  "maas-not-maas": {
    level: "error",
    what: "{problem}",
    cause: "`maas: { url: … }` leads to something else, or to a MAAS of a version that is not known here.",
    next: "{hint}",
  },
  "maas-tls": {
    level: "error",
    what: "{problem}",
    cause: "Its certificate is from a private authority, or for another name.",
    next: "{hint}",
  },
  "maas-key": {
    level: "error",
    what: "{problem}",
    cause: "The key was deleted in MAAS, its owner was, or it was copied in part.",
    next: "{hint}",
  },
  "maas-no-key": {
    level: "warning",
    what: "{problem}, so nothing can be said of machines in MAAS",
    cause: "`maas login` was not run, and `maas:` has no `key:`.",
    next: "{hint}",
  },
  "maas-failed": {
    level: "error",
    what: "{problem}",
    cause: "MAAS is starting, overloaded, or has a fault of its own.",
    next: "{hint}",
  },
  "maas-not-admin": {
    level: "error",
    what: "the key of {user} is not an administrator's, and MAAS shows and takes power settings of those alone",
    cause: "The key was made by an ordinary user.",
    next: "Take the key of an administrator: sudo maas apikey --username NAME",
  },
  "maas-clock": {
    level: "error",
    what: "the clocks are {skew} apart, and MAAS refuses requests from 300 s on: {words}",
    cause: "One of the two hosts is set by no time server.",
    next: "Set the time by NTP on both hosts.",
  },
  "maas-clock-drift": {
    level: "warning",
    what: "the clocks are {skew} apart: {words}",
    cause: "One of the two hosts is set by no time server.",
    next: "Set the time by NTP on both hosts: MAAS refuses requests from 300 s on.",
  },
  "maas-version": {
    level: "warning",
    what: "MAAS {version} is older than 3.3, the oldest that is known here",
    cause: "It was not updated.",
    next: "Update MAAS. Its webhooks work in the same way since 3.0; its API was not tried.",
  },
  "maas-no-webhook": {
    level: "error",
    what: "MAAS does not know the power type webhook",
    cause: "It is older than 3.0, or no rack controller is connected.",
    next: "Look at the controllers in MAAS, and update it.",
  },
  "maas-no-rack": {
    level: "error",
    what: "MAAS has no rack controller, which would ask the daemon",
    cause: "None was installed, or its registration was removed.",
    next: "Install one: sudo maas init rack, or region+rack.",
  },
  "url-outside-subnets": {
    level: "warning",
    what: "{url} is {where}",
    cause: "The daemon is in another network than the rack controllers, or its subnet is not in MAAS.",
    next: "{remedy}",
  },
  "maas-missing": {
    level: "warning",
    what: "MAAS does not have {machine}: {reason}",
    cause: "It was not enlisted yet, or has another name there and no `mac:` here.",
    next: "Enlist it in MAAS, or say which one it is: `maas: { system_id: … }` at the machine.",
  },
  "maas-ambiguous": {
    level: "error",
    what: "which machine of MAAS {machine} is cannot be told: {reason}",
    cause: "Two machines of MAAS, or two of ours, have what tells them apart in common.",
    next: "Say which it is, at the machine: `maas: { system_id: … }`.",
  },
  "maas-uncontrolled": {
    level: "warning",
    what: "{node} has no power control in MAAS, and {machine} is here to switch it",
    cause: "It was enlisted, and its power type was never set.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-other-type": {
    level: "warning",
    what: "{node} is powered by {type} in MAAS, and not through {machine} here",
    cause: "It was set up before, or has a management controller that MAAS found.",
    next: "If it is to go through here: maasochist maas register {machine} --replace",
  },
  "maas-broken": {
    level: "warning",
    what: "{node} ({machine}) is marked broken in MAAS, which does not poll those",
    cause: "Somebody marked it, or commissioning did.",
    next: "Mark it fixed in MAAS when it is.",
  },
  "maas-orphan": {
    level: "warning",
    what: "{node} is powered through {uri} in MAAS, and there is no such machine here",
    cause: "The machine was renamed or taken out of the configuration.",
    next: "Give it its old name, or correct its power configuration in MAAS.",
  },
  "maas-uri-unusable": {
    level: "error",
    what: "{field} of {machine} in MAAS cannot be used: {why}",
    cause: "It was typed or pasted in a form that MAAS passes on as it is.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-uri-host-name": {
    level: "warning",
    what: "{field} of {machine} in MAAS has the host name {host}: MAAS never polls it in the background",
    cause: "MAAS looks for a literal IP address in a subnet of a rack controller.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-uri-loopback": {
    level: "warning",
    what: "{field} of {machine} in MAAS has the address {host}: a rack controller finds itself there",
    cause: "The address was taken from a daemon that listened on a loopback address.",
    next: "Listen on this host's own address, and run: maasochist maas register {machine}",
  },
  "maas-uri-elsewhere": {
    level: "error",
    what: "{field} of {machine} in MAAS leads to {base}, and the daemon is at {wanted}",
    cause: "The daemon's address changed, or it is the address of another tool.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-uri-path": {
    level: "error",
    what: "{field} of {machine} in MAAS leads to {path}, and should to {wanted}",
    cause: "It was copied from another machine, or on and off were exchanged.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-uri-old-route": {
    level: "warning",
    what: "{field} of {machine} in MAAS is still an address of {route}",
    cause: "The machine was entered in MAAS before this daemon took the place of {route}.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-token-missing": {
    level: "error",
    what: "MAAS has no credential for {machine}, and would get 401",
    cause: "The field was left empty; or a user stands there without a password.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-token-unknown": {
    level: "error",
    what: "the credential that MAAS has for {machine} is none of this daemon's",
    cause: "The token was revoked or mistyped, or is that of another daemon.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-token-forbidden": {
    level: "error",
    what: "the credential that MAAS has for {machine} is {name}, which {why}",
    cause: "It is the token of another machine, or of somebody who only looks.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-token-network": {
    level: "error",
    what: "the credential that MAAS has for {machine} is {name}, which no rack controller may use: {racks}",
    cause: "`from:` was written for another network.",
    next: "Add the rack controllers' addresses to its `from:`.",
  },
  "maas-token-charset": {
    level: "warning",
    what: "the credential that MAAS has for {machine} {why}",
    cause: "MAAS passes it on a command line and in a header.",
    next: "Run: maasochist maas register {machine}",
  },
  "maas-regex": {
    level: "error",
    what: "by its regexes for {machine} MAAS takes {body} for {taken}",
    cause: "They were changed in MAAS, or come from another tool.",
    next: "Run: maasochist maas register {machine}",
  },
} as const satisfies Findings;

/** In the order in which `doctor` looks. */
export const TOPICS = {
  "This host": HOST,
  Configuration: CONFIGURATION,
  Files: FILES,
  Daemon: DAEMON,
  "Where MAAS asks": ADDRESS,
  Hubs: HUBS,
  "Who asked": POLLS,
  MAAS,
} as const satisfies Readonly<Record<string, Findings>>;

export type Topic = keyof typeof TOPICS;

const FINDINGS = { ...HOST, ...CONFIGURATION, ...FILES, ...DAEMON, ...ADDRESS, ...HUBS, ...POLLS, ...MAAS } as const;

type Table = typeof FINDINGS;
export type FindingCode = keyof Table;

/** The `{words}` of a text; what has blanks in its braces is YAML. */
type Words<Text> = Text extends `${string}{${infer Word}}${infer Rest}`
  ? (Word extends `${string} ${string}` ? never : Word) | Words<Rest>
  : never;
type Texts<Code extends FindingCode> = Exclude<Table[Code][keyof Table[Code]], "ok" | "warning" | "error">;
export type Facts<Code extends FindingCode> = Readonly<Record<Words<Texts<Code>>, string>>;

export interface Finding {
  readonly level: "ok" | "warning" | "error";
  readonly code: FindingCode;
  readonly message: string;
  readonly cause?: string;
  readonly next?: string;
  /** Where it is explained, from the root of the package. */
  readonly docs: string;
  /** What was filled in, for programs. */
  readonly facts: Readonly<Record<string, string>>;
}

/** `next` replaces the table's, where whoever failed knows better. */
export function finding<Code extends FindingCode>(
  code: Code,
  facts: Facts<Code>,
  { next: better }: { readonly next?: string | undefined } = {},
): Finding {
  const known: Good | Bad = FINDINGS[code];
  const filled = (text: string) => text.replaceAll(/\{(\w+)\}/g, (_all, word: string) => given(facts, word));
  const told = { level: known.level, code, message: filled(known.what), docs: `docs/doctor.md#${code}`, facts };
  return known.level === "ok" ? told : { ...told, cause: filled(known.cause), next: better ?? filled(known.next) };
}

function given(facts: Readonly<Record<string, string>>, word: string): string {
  return facts[word] ?? "";
}
