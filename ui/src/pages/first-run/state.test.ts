import { expect, it } from "vitest";
import { problemsOf, readDomains } from "./state.svelte";

const form = {
  token: "",
  organization: "Example",
  domains: "example.org",
  name: "Maria",
  login: "maria",
  email: "maria@example.org",
  password: "correct horse battery",
};

it("reads domains as people type them", () => {
  expect(readDomains(" Example.org, @example.net;example.com\nexample.org ")).toEqual([
    "example.org",
    "example.net",
    "example.com",
  ]);
  expect(readDomains(" , ")).toEqual([]);
});

it("asks for the token only where one is needed", () => {
  expect(problemsOf(form, false)).toEqual({});
  expect(Object.keys(problemsOf(form, true))).toEqual(["token"]);
});

it("names every field that is missing", () => {
  const empty = {
    ...form,
    organization: " ",
    domains: "",
    name: "",
    login: "",
    email: "x",
    password: "",
  };
  expect(Object.keys(problemsOf(empty, false))).toEqual([
    "organization",
    "domains",
    "owner.name",
    "owner.login",
    "owner.email",
    "owner.password",
  ]);
});
