/* rtneural.cc: a layer of RTNeural (with Eigen), as a contestant of rivals.py. Its models are templates; their weights are
 * read when the program runs, and lie in RAM. */
#include <RTNeural/RTNeural.h>

#ifdef LSTM
static RTNeural::LSTMLayerT<float, UNITS, UNITS> layer;
#else
static RTNeural::GRULayerT<float, UNITS, UNITS> layer;
#endif

static std::vector<std::vector<float>> rows(const float *a, size_t count, size_t width)
{
    std::vector<std::vector<float>> made;
    for (size_t i = 0; i < count; i++) made.emplace_back(a + i * width, a + (i + 1) * width);
    return made;
}

/* As its setters take them, a row for each input: (UNITS, GATES * UNITS) twice, and one row of biases, of the GRU two. */
extern "C" void weights(const float *kernel, const float *recurrent, const float *bias)
{
    layer.setWVals(rows(kernel, UNITS, GATES * UNITS));
    layer.setUVals(rows(recurrent, UNITS, GATES * UNITS));
#ifdef LSTM
    layer.setBVals(rows(bias, 1, GATES * UNITS)[0]);
#else
    layer.setBVals(rows(bias, 2, GATES * UNITS));
#endif
    layer.reset();
}

extern "C" void step(const float *x, float *h)
{
    Eigen::Map<const Eigen::Matrix<float, UNITS, 1>> in(x);
    layer.forward(in);
    std::copy(layer.outs.data(), layer.outs.data() + UNITS, h);
}
