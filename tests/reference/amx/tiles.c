/* reference/amx/tiles.c - eight tiles of each thread, and their products operation by operation. */
#include "reference/amx/tiles.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64, WORDS = ROW_BYTES / 4 };

typedef struct tile {
    int rows, row_bytes;
    uint32_t word[ROWS][WORDS];
} tile;

static _Thread_local tile tiles[TILES];
static _Thread_local int configured;

static void refuse(const char *what)
{
    fprintf(stderr, "AMX: %s\n", what);
    abort();
}

static tile *tile_at(int i)
{
    if (!configured || i < 0 || i >= TILES || tiles[i].rows == 0) refuse("tile is not configured");
    return &tiles[i];
}

void amx_loadconfig(const void *config)
{
    const uint8_t *c = config;
    memset(tiles, 0, sizeof tiles);
    if (c[0] != 1) refuse("palette is not 1");
    for (int i = 0; i < TILES; i++) {
        uint16_t row_bytes;
        memcpy(&row_bytes, c + 16 + 2 * i, sizeof row_bytes);
        tiles[i].rows = c[48 + i], tiles[i].row_bytes = row_bytes;
        if (tiles[i].rows > ROWS || row_bytes > ROW_BYTES) refuse("tile is too large");
    }
    configured = 1;
}

void amx_release(void)
{
    memset(tiles, 0, sizeof tiles);
    configured = 0;
}

void amx_zero(int i)
{
    memset(tile_at(i)->word, 0, sizeof tiles[i].word);
}

void amx_load(int i, const void *base, size_t stride)
{
    tile *t = tile_at(i);
    memset(t->word, 0, sizeof t->word);
    for (int r = 0; r < t->rows; r++)
        memcpy(t->word[r], (const char *)base + (size_t)r * stride, (size_t)t->row_bytes);
}

void amx_store(int i, void *base, size_t stride)
{
    const tile *t = tile_at(i);
    for (int r = 0; r < t->rows; r++)
        memcpy((char *)base + (size_t)r * stride, t->word[r], (size_t)t->row_bytes);
}

static float value_of(uint32_t word, int odd)
{
    float x;
    uint32_t bits = odd ? word & 0xffff0000 : word << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Denormals are flushed by the thread's mode, as AMX does in any mode. */
void amx_multiply(int to, int left, int right)
{
    tile *c = tile_at(to);
    const tile *a = tile_at(left), *b = tile_at(right);
    if (c->rows != a->rows || c->row_bytes != b->row_bytes || a->row_bytes / 4 != b->rows)
        refuse("shapes of a product do not match");
    for (int r = 0; r < c->rows; r++) {
        float sum[2][WORDS] = {{0}}, before[WORDS];
        for (int k = 0; k < b->rows; k++)
            for (int n = 0; n < WORDS; n++)
                for (int odd = 0; odd < 2; odd++)
                    sum[odd][n] = __builtin_fmaf(value_of(a->word[r][k], odd),
                                                 value_of(b->word[k][n], odd), sum[odd][n]);
        memcpy(before, c->word[r], sizeof before);
        for (int n = 0; n < c->row_bytes / 4; n++) before[n] = before[n] + (sum[0][n] + sum[1][n]);
        memcpy(c->word[r], before, sizeof before);
    }
}

static uint16_t round_word(uint32_t u)
{
    uint32_t size = u & 0x7fffffff;
    if (size > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    if (size < 0x00800000) return (uint16_t)(u >> 16 & 0x8000);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

__m512bh amx_round(__m512 high, __m512 low)
{
    uint32_t in[2 * WORDS];
    uint16_t out[2 * WORDS];
    __m512bh pairs;
    memcpy(in, &low, sizeof low);
    memcpy(in + WORDS, &high, sizeof high);
    for (int i = 0; i < 2 * WORDS; i++) out[i] = round_word(in[i]);
    memcpy(&pairs, out, sizeof pairs);
    return pairs;
}
