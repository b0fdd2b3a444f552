/** Every driver, one line each: the one file to touch when adding one. */
import type { Driver } from "../power/driver.ts";
import assumed from "./assumed.ts";
import command from "./command.ts";
import esphome from "./esphome.ts";
import homeAssistant from "./home-assistant.ts";
import http from "./http.ts";
import ipmi from "./ipmi.ts";
import kasa from "./kasa.ts";
import libvirt from "./libvirt.ts";
import mqtt from "./mqtt.ts";
import pikvm from "./pikvm.ts";
import proxmox from "./proxmox.ts";
import reachable from "./reachable.ts";
import redfish from "./redfish.ts";
import shelly from "./shelly.ts";
import simulated from "./simulated.ts";
import snmpPdu from "./snmp-pdu.ts";
import snmpPoe from "./snmp-poe.ts";
import ssh from "./ssh.ts";
import tasmota from "./tasmota.ts";
import wakeOnLan from "./wake-on-lan.ts";

export const drivers: readonly Driver[] = [
  command,
  http,
  shelly,
  tasmota,
  mqtt,
  homeAssistant,
  esphome,
  kasa,
  snmpPdu,
  snmpPoe,
  redfish,
  ipmi,
  pikvm,
  libvirt,
  proxmox,
  wakeOnLan,
  ssh,
  reachable,
  assumed,
  simulated,
];
