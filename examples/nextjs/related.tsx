// The block under an article as a server component: <Related article={post.id} limit={6} />
//
// Links are in the HTML; nothing of it runs in the browser. A page waits 800 ms for it at most, and shows nothing on errors.

import { type Card, type Options, type RelatedQuery, Seealso } from "seealso-client";

const seealso = new Seealso({ url: process.env.SEEALSO_SERVICE ?? "http://127.0.0.1:8080", timeoutMs: 800 });
// Next.js keeps the answer for five minutes for all readers; revalidateTag("related") drops it.
const KEPT = { cache: "force-cache", next: { revalidate: 300, tags: ["related"] } } as Options;

interface Asked extends RelatedQuery {
  article: string;
  heading?: string;
  locale?: string;
  timeZone?: string;
}

export default async function Related(asked: Asked) {
  const { article, heading = "Related articles", locale = "en", timeZone = "UTC", ...query } = asked;
  let cards: Card[];
  try {
    cards = (await seealso.related(article, query, KEPT)).related;
  } catch (error) {
    console.error(`no related articles under ${article}: ${error}`);
    return null;
  }
  if (!cards?.length) return null;
  return (
    <section className="seealso">
      <h2 className="seealso-heading">{heading}</h2>
      <ul className="seealso-cards">
        {cards.map((card) => (
          <li className="seealso-card" key={card.id}>
            {card.section && <p className="seealso-section">{card.section}</p>}
            <h3 className="seealso-title">{card.url ? <a href={card.url}>{card.title}</a> : card.title}</h3>
            {card.summary && <p className="seealso-summary">{card.summary}</p>}
            {card.published && <Day published={card.published} locale={locale} timeZone={timeZone} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Day({ published, locale, timeZone }: { published: string; locale: string; timeZone: string }) {
  const day = new Date(published).toLocaleDateString(locale, { dateStyle: "long", timeZone });
  return (
    <time className="seealso-date" dateTime={published}>
      {day}
    </time>
  );
}
