import type * as t from "../host";
import {
  type Box,
  hasAttachments,
  kindOf,
  life,
  messagePath,
  seenAt,
  senderOf,
  sizeOf,
  subjectOf,
  wordsOf,
} from "./mail";
import { scenario } from "./scenario";
import * as seed from "./seed";

/** What stands in the mocked messages. */

const dot =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGNgYPhPAA1QAABnYwPfX0m9xQAAAABJRU5ErkJggg==";

function address(text: string): t.MailAddress {
  const [, name = "", inner] = /^(.*?)\s*<([^>]*@[^>]*)>$/.exec(text) ?? [];
  return inner === undefined ? { name: "", address: text } : { name, address: inner };
}

function html(box: Box, number: number): string | null {
  const words = wordsOf(box, number);
  switch (kindOf(box, number)) {
    case "plain":
      return null;
    case "letter":
      return `<p>${words.replaceAll(". ", ".</p><p>")}</p><p>See also <a href="https://wiki.example.org/rehearsals">the list of rehearsals</a>.</p>`;
    case "newsletter":
      return `<table width="100%" style="background:#f3efe6"><tr><td align="center"><table width="560" style="background:#ffffff;border:1px solid #ddd6c8"><tr><td style="padding:24px;background:#1f4d3a;color:#ffffff;font-size:22px">What happened in October</td></tr><tr><td style="padding:24px"><img src="${dot}" width="10" height="10" alt=""> ${words}<br><br><a href="https://news.example.org/c/9f31?u=a81b2&amp;utm_source=mail" style="background:#1f4d3a;color:#ffffff;padding:8px 16px;text-decoration:none">Read on</a></td></tr><tr><td style="padding:12px 24px;color:#777777;font-size:11px">You get this since you are a member. <a href="https://news.example.org/unsubscribe">Unsubscribe</a></td></tr></table></td></tr></table>`;
    case "phishing":
      return `<p style="font-size:18px;color:#b00020"><b>Your account will be closed in 24 hours!</b></p><p>Confirm your password at <a href="http://post-office-security.example/login?id=${"a91f".repeat(12)}">https://mail.example.org</a> to keep it.</p>`;
  }
}

function attachments(box: Box, number: number): t.Attachment[] {
  const { hash } = life(box, number);
  if (!hasAttachments(hash)) return [];
  const files: t.Attachment[] = [
    {
      part: 2,
      name: scenario === "worst" ? `${"Report of the board ".repeat(8)}.pdf` : "Report 2026.pdf",
      media_type: "application/pdf",
      size: Math.round(sizeOf(box, number) * 0.6),
      dangerous: false,
    },
  ];
  if (hash % 5 === 0)
    files.push({
      part: 3,
      name: "Photos\u202Egpj.exe",
      media_type: "application/x-msdownload",
      size: 48_128,
      dangerous: true,
    });
  if (hash % 3 === 0)
    files.push({
      part: 4,
      name: "fair.jpg",
      media_type: "image/jpeg",
      size: 812_004,
      dangerous: false,
    });
  return files;
}

function authentication(box: Box, number: number): t.AuthenticationResult[] {
  const from = address(senderOf(box, number)).address;
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const bad = kindOf(box, number) === "phishing";
  if (domain === "example.org") return [];
  const said = (method: string, result: string, about = domain): t.AuthenticationResult => ({
    method,
    result,
    about,
    by: "mx1.example.org",
  });
  return [
    said("spf", bad ? "softfail" : "pass", from),
    said("dkim", bad ? "none" : "pass"),
    said("dmarc", bad ? "fail" : "pass"),
  ];
}

export function messageAt(box: Box, number: number, time: number): t.Message {
  const it = life(box, number);
  const from = address(senderOf(box, number));
  const sent = new Date(it.born - 4_000);
  const shown = html(box, number);
  const headers: t.HeaderField[] = [
    { name: "Return-Path", value: `<${from.address}>` },
    { name: "Delivered-To", value: box.login },
    {
      name: "Received",
      value: `from mail.example.com (mail.example.com [198.51.100.9]) by mx1.example.org (Postfix) with ESMTPS id 4bXk2y0Rz1z3q for <${box.login}>; ${new Date(it.born).toUTCString()}`,
    },
    ...authentication(box, number).map(({ method, result, about, by }) => ({
      name: "Authentication-Results",
      value: `${by}; ${method}=${result} ${about}`,
    })),
    { name: "From", value: senderOf(box, number) },
    { name: "To", value: box.login },
    { name: "Subject", value: subjectOf(box, number) },
    { name: "Date", value: sent.toUTCString() },
    { name: "Message-ID", value: `<${it.hash.toString(16)}.${number}@mail.example.com>` },
    { name: "MIME-Version", value: "1.0" },
    { name: "Content-Type", value: shown ? "multipart/alternative" : "text/plain; charset=utf-8" },
  ];
  const many = scenario === "worst" && it.hash % 7 === 0;
  return {
    path: messagePath(box, number, time),
    received_at: seed.iso(it.born),
    size: sizeOf(box, number),
    flags: seenAt(box, number, time)?.flags ?? [],
    subject: subjectOf(box, number),
    sent_at: seed.iso(sent.getTime()),
    from: [from],
    to: [
      { name: "", address: box.login },
      ...(many
        ? seed.worstLogins.map((login, index) => ({
            name: `Recipient ${index + 2}`,
            address: login,
          }))
        : []),
    ],
    cc: it.hash % 5 === 1 ? [{ name: "Board", address: "board@example.org" }] : [],
    reply_to:
      kindOf(box, number) === "phishing"
        ? [{ name: "", address: "collect@elsewhere.example" }]
        : [],
    html: shown,
    text:
      kindOf(box, number) === "newsletter"
        ? null
        : `${wordsOf(box, number)}\n\n> ${wordsOf(box, number + 1)}\n`,
    cut: many,
    remote: kindOf(box, number) === "newsletter" ? 3 : 0,
    attachments: attachments(box, number),
    authentication: authentication(box, number),
    headers,
    header_count: many ? 10_000 : headers.length,
    parts_left_out: many ? 412 : 0,
  };
}

export function sourceAt(box: Box, number: number, time: number): t.MessageSource {
  const message = messageAt(box, number, time);
  const head = message.headers.map(({ name, value }) => `${name}: ${value}`).join("\r\n");
  return {
    text: `${head}\r\n\r\n${message.text ?? message.html ?? ""}`,
    cut: message.cut,
  };
}
