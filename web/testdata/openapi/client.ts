import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };

const client = createClient<paths, `application/${string}`>({ baseUrl: process.argv[2] });

// Page by page, by the types that the document makes.
const meters: components["schemas"]["MeterLine"][] = [];
let after: string | undefined;
do {
  const { data, error } = await client.GET("/api/v1/meters", { params: { query: { sort: "-balance", limit: 40, after } } });
  if (!data) throw new Error(error.detail);
  meters.push(...data.items);
  after = data.next ?? undefined;
} while (after);

let credit = 0;
for (const { balance } of meters) {
  // @ts-expect-error a balance may be unknown
  credit += balance;
  if (balance === null) credit -= 0;
}

// @ts-expect-error there is no such health
await client.GET("/api/v1/meters", { params: { query: { health: "ill" } } });

const none = await client.GET("/api/v1/meters/{serial}", { params: { path: { serial: "none" } } });
const answered = await client.POST("/api/v1/exceptions/answers", { body: { ids: [1], who: "ann", why: "seen" } });

console.log(JSON.stringify({ serials: meters.map((m) => m.serial), credit, problem: none.error?.detail, answered: answered.response.status }));
