/* data/glyphs.c - the strokes of the ten digits, each in two or three ways in which people write it. */
#include "glyphs.h"

#include "base/error.h"

#define S(x, y)                                                                                    \
    {                                                                                              \
        x, y, GLYPH_START                                                                          \
    }
#define T(x, y)                                                                                    \
    {                                                                                              \
        x, y, GLYPH_SMOOTH                                                                         \
    }
#define C(x, y)                                                                                    \
    {                                                                                              \
        x, y, GLYPH_CORNER                                                                         \
    }

/* clang-format off */
static const glyph zeros[] = {
    {9, {S(56,3), T(30,12), T(16,48), T(26,86), T(50,98), T(76,84), T(85,48), T(72,12), T(50,4)}},
    {8, {S(62,8), T(42,4), T(22,30), T(22,68), T(46,97), T(72,72), T(76,32), T(58,6)}},
};
static const glyph ones[] = {
    {3, {S(54,2), T(51,50), T(48,98)}},
    {4, {S(34,22), C(53,3), T(51,50), T(50,98)}},
    {6, {S(34,20), C(52,3), T(51,50), T(50,96), S(30,97), C(70,96)}},
};
static const glyph twos[] = {
    {8, {S(18,26), T(32,7), T(58,4), T(76,22), T(66,48), T(38,76), C(14,95), T(86,94)}},
    {9, {S(20,22), T(46,4), T(72,18), T(64,52), T(38,86), T(20,92), T(24,76), T(46,86), T(88,94)}},
};
static const glyph threes[] = {
    {9, {S(20,12), T(48,3), T(73,16), T(65,38), C(42,47), T(70,56), T(79,76), T(58,96), T(16,86)}},
    {8, {S(20,6), C(74,6), C(46,42), T(68,52), T(78,72), T(64,94), T(38,97), T(15,85)}},
};
static const glyph fours[] = {
    {6, {S(26,4), T(21,30), C(16,56), T(82,54), S(68,10), T(63,98)}},
    {6, {S(62,3), T(38,34), C(12,64), T(86,62), S(62,3), T(59,98)}},
    {6, {S(26,8), T(24,40), T(44,54), T(70,42), S(72,4), T(66,98)}},
};
static const glyph fives[] = {
    {9, {S(76,5), C(30,6), C(25,44), T(50,38), T(76,52), T(75,80), T(50,96), T(28,95), T(14,86)}},
    {9, {S(30,8), C(25,46), T(52,40), T(74,56), T(72,82), T(48,97), T(18,88), S(30,8), T(80,5)}},
};
static const glyph sixes[] = {
    {9, {S(68,4), T(38,26), T(20,62), T(30,90), T(54,97), T(75,80), T(66,58), T(42,57), T(22,74)}},
    {8, {S(50,2), T(28,40), T(22,78), T(44,97), T(70,86), T(70,64), T(48,56), T(26,72)}},
};
static const glyph sevens[] = {
    {5, {S(14,10), T(48,8), C(82,8), T(58,50), T(42,98)}},
    {7, {S(14,10), T(48,8), C(82,8), T(58,50), T(40,98), S(34,54), T(76,50)}},
    {6, {S(16,24), C(17,10), T(48,9), C(80,8), T(64,48), T(56,98)}},
};
static const glyph eights[] = {
    {11, {S(72,16), T(48,3), T(27,18), T(42,42), T(66,62), T(75,84),
          T(50,98), T(26,84), T(36,60), T(60,40), T(73,17)}},
    {11, {S(52,46), T(28,30), T(34,8), T(60,5), T(72,24), T(52,46),
          T(28,68), T(34,94), T(62,95), T(74,70), T(52,46)}},
};
static const glyph nines[] = {
    {9, {S(73,22), T(50,4), T(25,20), T(32,44), T(56,46), C(73,23), T(71,50), T(66,76), T(60,98)}},
    {9, {S(70,20), T(46,4), T(26,26), T(40,48), T(64,40), C(72,18), T(74,56), T(62,90), T(28,95)}},
};
/* clang-format on */

static const struct {
    int ways;
    const glyph *glyphs;
} digits[10] = {
    {2, zeros}, {3, ones},  {2, twos},   {2, threes}, {3, fours},
    {2, fives}, {2, sixes}, {3, sevens}, {2, eights}, {2, nines},
};

int glyph_ways(int digit)
{
    CHECK(digit >= 0 && digit < 10, "digit %d", digit);
    return digits[digit].ways;
}

const glyph *glyph_of(int digit, int way)
{
    CHECK(way >= 0 && way < glyph_ways(digit), "digit %d, way %d", digit, way);
    return &digits[digit].glyphs[way];
}
