#pragma once

#include <string_view>

/// Properties of characters, from libutf8proc, which has the tables of the Unicode Character Database. The release of
/// Unicode is the library's: 15.0 with the libutf8proc 2.8 of Debian 12.
namespace relay {

/// True for a character that people cannot see, or that moves what they see: two names that differ only in such
/// characters look alike. Decided by property, in rising order of the general category:
///
/// - Cc: C0, DEL and C1. Some of them control the terminal.
/// - Cf: bidirectional controls, joiners, soft hyphen, tags. Not the marks that enclose a number (U+0600 to U+0605, for
///   example), which are visible.
/// - Co, private use, and the noncharacters: no one can say what they look like.
/// - Zl and Zp: the separators of lines and paragraphs.
/// - Default_Ignorable_Code_Point: variation selectors, fillers, and what Unicode reserves for more of them.
///
/// Blanks are not invisible, nor are letters of two scripts that look alike.
bool is_invisible(char32_t code_point);

/// True for a character that looks like a space: general category Zs, and U+2800, the Braille pattern without dots.
bool is_blank(char32_t code_point);

/// Returns how many columns of a terminal the character takes alone: 0 for combining marks, for the vowels and
/// finals of a Hangul syllable and for invisible characters from U+0300 on; 2 for East Asian wide characters
/// and emoji; otherwise 1, for unassigned code points, too.
int column_width(char32_t code_point);

/// Returns the version of Unicode that decides, "15.0.0".
std::string_view unicode_version();

}  // namespace relay
