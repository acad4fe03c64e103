// Everything that can be taken out of the log, by its name in an address, and the formats that there are.
import { changeLists } from './change-lists.ts';
import { csv } from './formats/csv.ts';
import type { Format } from './formats/format.ts';
import { jsonLines } from './formats/json-lines.ts';
import { parquet } from './formats/parquet.ts';
import { xlsx } from './formats/xlsx.ts';
import type { ExportList } from './list.ts';

export const LISTS: ReadonlyMap<string, ExportList> = new Map(changeLists.map((list) => [list.name, list]));

export const FORMATS: ReadonlyMap<string, Format> = new Map(
  [csv, xlsx, jsonLines, parquet].map((format) => [format.name, format]),
);
