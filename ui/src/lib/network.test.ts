import { expect, it } from "vitest";
import { isNetwork, networkAround } from "./network";

it.each([
  "203.0.113.7",
  "203.0.113.0/24",
  "0.0.0.0/0",
  "2001:db8::1",
  "2001:db8::/32",
  "::",
  "1:2:3:4:5:6:7:8",
])("%s is a network", (text) => {
  expect(isNetwork(text)).toBe(true);
});

it.each([
  "",
  "anna",
  "1.2.3",
  "256.1.1.1",
  "1.2.3.4/33",
  "1.2.3.4/24/1",
  ":::",
  "1::2::3",
  "1:2:3",
  "g::1",
  "2001:db8::/129",
])("%s is none", (text) => {
  expect(isNetwork(text)).toBe(false);
});

it("takes the /24 around an IPv4 and the /64 around an IPv6 address", () => {
  expect(networkAround("203.0.113.77")).toBe("203.0.113.0/24");
  expect(networkAround("2001:db8:1:2:3::4")).toBe("2001:db8:1:2::/64");
  expect(networkAround("2001:db8::7")).toBe("2001:db8::/64");
  expect(networkAround("anna")).toBeUndefined();
});
