/** The texts that break what was not made for them. */
export const long = {
  login: `${"very-long-login.".repeat(6)}x@mail.department-of-redundancy.example.org`,
  ipv6: "2001:db8:85a3:8d3:1319:8a2e:370:7348/128",
  words:
    "Unbefugte Anmeldeversuchswiederholungsüberwachungsbenachrichtigungseinstellungen wurden geändert, und zwar mehrmals",
  unbroken: "x".repeat(140),
};

export const rtl = {
  name: "أحمد بن عبد الله",
  label: "اسم المستخدم",
  sentence: "رُفضت 12 محاولة تسجيل دخول من 203.0.113.7 منذ الساعة 09:14",
};

export const nothing = () => undefined;

/** A quarter to noon, fixed, so that pictures stay the same. */
export const noon = Date.parse("2026-11-24T11:45:00Z");
