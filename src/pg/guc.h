// The extension's settings (GUCs). Each is documented in docs/settings.md.
#pragma once

namespace lowdim::pg {

void define_settings();  // called once, by _PG_init

}  // namespace lowdim::pg
