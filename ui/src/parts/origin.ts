import type { CountryCount } from "$host/host";
import { m } from "$messages";
import { count } from "$lib/format";
import { countryName } from "$lib/policyWords";

/** "Germany: 12 signed in, 3 failed, 0 refused". */
export function originText({ country, allowed, failed, refused }: CountryCount): string {
  return m.overview_where_said({
    country: countryName(country),
    allowed: count(allowed),
    failed: count(failed),
    refused: count(refused),
  });
}
