// Lists the serials of all meters, page by page, through the types that openapi-typescript makes of the document.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const client = createClient<paths, `application/${string}`>({ baseUrl: (globalThis as any).process.argv[2] as string });
let after: string | undefined;
do {
  const { data, error } = await client.GET("/api/v1/meters", { params: { query: { limit: 100, sort: "serial", after } } });
  if (error) throw new Error(error.detail);
  for (const meter of data.items) {
    const balance: number | null = meter.balance;
    console.log(meter.serial, meter.mode, balance);
  }
  after = data.next ?? undefined;
} while (after);
