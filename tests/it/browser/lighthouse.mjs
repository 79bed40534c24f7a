// Lighthouse on one page, as a phone sees it: `node lighthouse.mjs URL COOKIES [AUDIT-TO-SKIP]`.
// Prints one line of JSON: the scores, and of each audit that costs one something its id and title.
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";

const [url, cookies, skipped] = process.argv.slice(2);
const chrome = await launch({
  chromePath: process.env.CHROME_PATH,
  chromeFlags: [
    "--headless=new",
    // Chromium's sandbox does not start for root.
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
  ],
});
try {
  const { lhr } = await lighthouse(
    url,
    {
      port: chrome.port,
      logLevel: "error",
      onlyCategories: ["accessibility", "best-practices", "performance"],
      formFactor: "mobile",
      extraHeaders: cookies ? { Cookie: cookies } : {},
      ignoreStatusCode: true,
      skipAudits: skipped ? [skipped] : [],
    },
  );
  const scores = {};
  const failing = [];
  for (const [id, category] of Object.entries(lhr.categories)) {
    scores[id] = Math.round((category.score ?? 0) * 100);
    for (const { id: audit, weight } of category.auditRefs) {
      const { score, title, displayValue = "", errorMessage = "" } = lhr.audits[audit];
      const counts = weight > 0 && (score === null ? errorMessage : score < 1);
      if (counts) failing.push(`${id}: ${audit}: ${title} ${displayValue} ${errorMessage}`.trim());
    }
  }
  const { runtimeError } = lhr;
  console.log(JSON.stringify({ at: lhr.finalDisplayedUrl, scores, failing, runtimeError }));
} finally {
  chrome.kill();
}
