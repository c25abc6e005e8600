import { themeVariables } from './theme.ts';

/** Style sheet of the report page. */
export function pageStyle(): string {
  return `${themeVariables(':root')}
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:1128px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:25px;margin:0 0 2px}
h2{font-size:18px;margin:40px 0 10px}
p{margin:6px 0;max-width:80ch}
.muted{color:var(--muted)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:22px 0 8px}
.card{border:1px solid var(--grid);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:20px;font-weight:600;margin:2px 0}
.card span{color:var(--muted);font-size:13px}
.banner{border:1px solid var(--undecided);border-left-width:5px;border-radius:8px;padding:10px 14px;margin:18px 0}
.banner.bad{border-color:var(--violated)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--grid);vertical-align:top}
th{color:var(--muted);font-weight:600}
td.num{font-variant-numeric:tabular-nums;white-space:nowrap}
td.held{color:var(--held)}
td.violated{color:var(--violated);font-weight:600}
td.undecided{color:var(--undecided)}
td code,pre{font:12.5px/1.45 ui-monospace,"DejaVu Sans Mono",monospace}
pre{background:var(--p-resident);border-radius:8px;padding:14px;overflow:auto}
figure{margin:22px 0}
figure svg{width:100%;height:auto;display:block}
figure{border:1px solid var(--grid);border-radius:10px;overflow:hidden;padding:6px 4px}
figcaption{color:var(--muted);font-size:13.5px;padding:4px 16px 10px;max-width:96ch}
summary{cursor:pointer}
@media print{main{max-width:none}figure{break-inside:avoid}}`;
}
