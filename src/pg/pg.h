// The only way to PostgreSQL's headers. Include it after every C++ and project header of core and paged:
// the server's headers define macros (snprintf, ERROR, Min, _ ...) that break code that comes after them.
#pragma once

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

#undef snprintf
#undef vsnprintf
#undef printf
#undef fprintf
#undef sprintf
#undef vprintf
#undef vfprintf
#undef strerror
#undef strerror_r
#undef _
