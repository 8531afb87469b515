/* tiles.h - AMX' instructions in software, so that src/kernel/amx can be tested on a processor without AMX.
 *
 * Included before all else in each source of src/kernel/amx (CMake's option -include): the intrinsics become the functions
 * below, and the kernels and their table get other names. What the instructions do: Intel, Architecture Instruction Set
 * Extensions Programming Reference, chapter 3. Each thread has tiles of its own. A use that the processor would refuse, such as
 * a tile that was not configured or operands whose shapes do not match, ends the program.
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_AMX_TILES_H
#define MNIST_DIST_TESTS_REFERENCE_AMX_TILES_H

#include <immintrin.h>
#include <stddef.h>

void amx_loadconfig(const void *config);
void amx_release(void);
void amx_zero(int tile);
void amx_load(int tile, const void *base, size_t stride);
void amx_store(int tile, void *base, size_t stride);
/* c += a b, of bfloat16 */
void amx_multiply(int c, int a, int b);
/* Of AVX512_BF16: 16 floats of low, then 16 of high, rounded. */
__m512bh amx_round(__m512 high, __m512 low);

#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig               amx_loadconfig
#define _tile_release                  amx_release
#define _tile_zero(tile)               amx_zero(tile)
#define _tile_loadd(tile, base, step)  amx_load(tile, base, step)
#define _tile_stored(tile, base, step) amx_store(tile, base, step)
#define _tile_dpbf16ps(c, a, b)        amx_multiply(c, a, b)
#define _mm512_cvtne2ps_pbh            amx_round

#define kernels_amx              kernels_amx_tiles
#define gemm_pack_amx            gemm_pack_tiles
#define gemm_panel_amx           gemm_panel_tiles
#define gemm_nn_amx              gemm_nn_tiles
#define gemm_tn_amx              gemm_tn_tiles
#define recurrent_fused_pack_amx recurrent_fused_pack_tiles
#define simple_rnn_fused_amx     simple_rnn_fused_tiles
#define lstm_fused_amx           lstm_fused_tiles

#endif
