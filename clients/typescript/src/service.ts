// How requests are sent: with a key, within a time, and what an answer or the lack of one means.

/** Where the service is, and how long it may take. */
export interface ServiceOptions {
  /** Such as "https://related.example". */
  url: string;
  /** Sent as `Authorization: Bearer`. Never in a browser: whoever reads the page has it then. */
  key?: string;
  /** For one request, a slow answer included. */
  timeoutMs?: number;
  /** Another way to ask than the global `fetch`. */
  fetch?: typeof fetch;
}

/** What `fetch` takes beside what the client itself says: `signal`, `cache`, headers, Next.js's `next`. */
export type Options = Omit<RequestInit, "method" | "body">;

/** Of a decision: machines that may not know of it yet; missing where all do. */
export interface Unconfirmed {
  unconfirmed?: string;
}

/** The service refused, and says why (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly title: string;
  readonly detail: string;
  /** Stable, such as "urn:seealso:problem:unknown-article". */
  readonly type: string;
  /** The part of the request that it is about. */
  readonly field: string | undefined;
  readonly requestId: string | undefined;

  constructor(
    readonly status: number,
    told: Record<string, unknown>,
  ) {
    const said = (name: string) => (typeof told[name] === "string" ? told[name] : undefined);
    const title = said("title") ?? "The answer is an error";
    const detail = said("detail") ?? `it is no problem+json; is the address that of the service? (${status})`;
    super(`${title}: ${detail}`);
    this.title = title;
    this.detail = detail;
    this.type = said("type") ?? "about:blank";
    this.field = said("field");
    this.requestId = said("request_id");
  }
}

/** The service did not answer, or not in time, or not with what it answers. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

interface Sent {
  query?: object;
  body?: object;
}

export class Service {
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: ServiceOptions) {
    if (!/^https?:\/\/[^/]/.test(options.url)) {
      throw new TypeError(`the service's address must begin with http:// or https:// (got ${options.url})`);
    }
    this.#url = options.url.replace(/\/+$/, "");
    this.#key = options.key;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#fetch = options.fetch ?? fetch;
  }

  /** `has`: what an answer has in any case. */
  protected json<Answer>(method: string, path: string, sent: Sent, has: string, options: Options): Promise<Answer> {
    return this.#ask(method, path, sent, options, async (response) => {
      const unconfirmed = response.headers.get("X-Seealso-Unconfirmed");
      try {
        const answer = (await response.json()) as (Answer & Unconfirmed) | null;
        if (typeof answer !== "object" || answer === null || !Object.hasOwn(answer, has)) {
          throw new NoAnswer(`${response.status} came with other JSON`);
        }
        if (unconfirmed) answer.unconfirmed = unconfirmed;
        return answer;
      } catch (error) {
        if (error instanceof SyntaxError) throw new NoAnswer(`${response.status} came without JSON`, { cause: error });
        throw error;
      }
    });
  }

  protected text(method: string, path: string, sent: Sent, options: Options): Promise<string> {
    return this.#ask(method, path, sent, options, (response) => response.text());
  }

  protected nothing(method: string, path: string, sent: Sent, options: Options): Promise<void> {
    return this.#ask(method, path, sent, options, async (response) => {
      if (response.status !== 204) throw new NoAnswer(`${response.status} came where nothing was to come`);
    });
  }

  async #ask<Answer>(
    method: string,
    path: string,
    sent: Sent,
    options: Options,
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    if (/\/\.\.?(\/|$)/.test(path)) {
      // It would be taken for another address, however it is written.
      throw new TypeError(`"." and ".." are ids that no address can hold (got ${path})`);
    }
    const headers = new Headers(options.headers);
    if (this.#key !== undefined) headers.set("Authorization", `Bearer ${this.#key}`);
    const init: RequestInit = { ...options, method, headers };
    if (sent.body !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(sent.body);
    }
    const ended = new AbortController();
    const end = () => ended.abort(options.signal?.reason);
    const timer = setTimeout(() => ended.abort(new Error(`no answer in ${this.#timeoutMs} ms`)), this.#timeoutMs);
    options.signal?.addEventListener("abort", end, { once: true });
    if (options.signal?.aborted) end();
    init.signal = ended.signal;
    try {
      const ask = this.#fetch;
      const response = await ask(this.#url + path + queryOf(sent.query), init);
      if (response.ok) return await read(response);
      throw new Problem(response.status, await problemOf(response));
    } catch (error) {
      if (error instanceof Problem || error instanceof NoAnswer || options.signal?.aborted) throw error;
      throw new NoAnswer(`${this.#url} did not answer (${String(error)})`, { cause: error });
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", end);
    }
  }
}

/** A query: a list is said once for each, true and false are 1 and 0, what is undefined is left out. */
function queryOf(query: object = {}): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) said.append(name, typeof each === "boolean" ? `${+each}` : `${each}`);
    }
  }
  const text = said.toString();
  return text ? `?${text}` : "";
}

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const told: unknown = await response.json().catch(() => null);
  return typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
}
