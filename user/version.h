/* SPDX-License-Identifier: GPL-2.0-only */
/* The tool's version, as --version and the traces tell it. */
#ifndef WEFT_USER_VERSION_H
#define WEFT_USER_VERSION_H

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1

#endif
