/** The style of reports and of the page that checks them, light on any screen and on paper. */
export const sheetStyle = `
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1b1f24; font: 15px/1.45 "Noto Sans", "Noto Sans Arabic", system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.2rem; }
header { display: flex; gap: 1rem; align-items: start; border-block-end: 2px solid #1b1f24; padding-block-end: .6rem; }
header img { max-height: 4rem; }
header p, footer p { margin: 0; }
.name { font-size: 1.35rem; font-weight: 700; }
.quiet, dt, thead th { color: #55606e; font-size: .85rem; font-weight: 400; }
.title { display: flex; justify-content: space-between; align-items: center; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1rem; margin-block: 1rem .2rem; }
.status { padding: .1rem .7rem; color: #fff; font-weight: 700; background: #a3121f; }
.status.final, .status.valid { background: #2b5f47; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .8rem; }
dl { margin: .5rem 0; background: #eef2f6; padding: .5rem .8rem; }
dl > div { display: flex; gap: .8rem; }
dt { min-width: 9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .25rem .5rem; border-block-end: 1px solid #c9d0d8; }
tbody th { font-weight: 400; }
.results th[scope=row] { width: 34%; }
td bdo, td bdi bdi { white-space: nowrap; }
.watermark { margin: 0; border: 2px solid #a3121f; color: #a3121f; font-weight: 700; text-align: center; }
.section th { background: #eef2f6; font-weight: 700; }
.second, .note { display: block; }
.note { font-size: .85rem; color: #55606e; padding-inline-start: .7rem; }
.note.corrected, .note.withdrawn { color: #a3121f; font-weight: 700; }
.level1 { padding-inline-start: 1.5rem; } .level2 { padding-inline-start: 2.5rem; } .level3 { padding-inline-start: 3.5rem; }
.flagged .result, .flagged .flag, .critical .result, .critical .flag { font-weight: 700; }
.critical .result, .critical .flag { color: #a3121f; }
footer { margin-block-start: 1rem; }
@media print { main { max-width: none; padding: 0; } tr { break-inside: avoid; } }
`;
