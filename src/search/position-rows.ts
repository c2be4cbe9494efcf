/** Location.position as two rows of numbers, latitude and longitude, for `near`. */
import type { JsonObject } from '../fhir/json.ts';
import { hash32 } from './hash.ts';
import type { EmitMaker } from './sink.ts';
import { emitQuantity } from './quantity-rows.ts';

export const latitudeParam = hash32('near:latitude');
export const longitudeParam = hash32('near:longitude');

export const emitPosition: EmitMaker = (path) => {
  const latitude = emitQuantity({ ...path, param: latitudeParam }, 'decimal');
  const longitude = emitQuantity({ ...path, param: longitudeParam }, 'decimal');
  return (value, _parent, _key, rep, sink) => {
    const position = value as JsonObject;
    latitude?.(position['latitude'] ?? null, position, 'latitude', rep, sink);
    longitude?.(position['longitude'] ?? null, position, 'longitude', rep, sink);
  };
};
