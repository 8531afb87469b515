/* layer/windows.c - sizes of layers that move a window over an image. */
#include "layer/windows.h"

/* Output size of one dimension, and the padding in front of it. */
static status slide(const layer *l, int length, int *out, int *pad_front, failure *why)
{
    int size = l->cfg.size, stride = l->cfg.stride;
    *pad_front = 0;
    if (l->cfg.pad == PADDING_SAME) {
        *out = (length + stride - 1) / stride;
        int pad = (*out - 1) * stride + size - length;
        *pad_front = pad > 0 ? pad / 2 : 0;
        return STATUS_OK;
    }
    if (length < size)
        return fail(why, STATUS_USAGE, "a %s window of %d does not fit into an image of %s",
                    l->cfg.type->word, size, shape_text(l->in).text);
    *out = (length - size) / stride + 1;
    return STATUS_OK;
}

status windows_plan(layer *l, int channels, failure *why)
{
    int height = 0, width = 0;
    status s = slide(l, l->in.dim[0], &height, &l->pad_top, why);
    if (!s) s = slide(l, l->in.dim[1], &width, &l->pad_left, why);
    if (!s) l->out = shape_image(height, width, channels);
    return s;
}

pool_args windows_of(const layer *l)
{
    return (pool_args){.height = l->in.dim[0],
                       .width = l->in.dim[1],
                       .channels = l->in.dim[2],
                       .out_height = l->out.dim[0],
                       .out_width = l->out.dim[1],
                       .size = l->cfg.size,
                       .stride = l->cfg.stride,
                       .pad_top = l->pad_top,
                       .pad_left = l->pad_left};
}
