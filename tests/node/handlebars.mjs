// Renders the partial of examples/ghost (argv: its path, a post as JSON), with Ghost's own helpers at their simplest.

import { readFileSync } from "node:fs";
import Handlebars from "handlebars";

const [, , path, post] = process.argv;
const asked = [];
Handlebars.registerHelper("get", function (what, options) {
  asked.push([what, Handlebars.compile(options.hash.filter)(this), options.hash.limit]);
  return options.fn({ [what]: JSON.parse(post).others });
});
Handlebars.registerHelper("foreach", (items, options) => items.map((item) => options.fn(item)).join(""));
const html = Handlebars.compile(readFileSync(path, "utf8"))(JSON.parse(post), { data: { site: { locale: "de" } } });
console.log(JSON.stringify({ html, asked }));
