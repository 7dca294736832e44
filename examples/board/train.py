"""train.py: a network of PyTorch on its way to a board: its weights, and what it says of some sequences.

Writes net.pt; R.npz for `rnnc parity`; expected.h, one of the sequences as C, for main.c."""
import numpy
import torch


class Net(torch.nn.Module):                  # an LSTM listens to the three axes of a sensor: which of four gestures?
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(3, 20, batch_first=True)
        self.fc = torch.nn.Linear(20, 4)

    def forward(self, x):
        return self.fc(self.rnn(x)[0])


torch.manual_seed(1)
net = Net()                                  # here it would be trained
x = torch.randn(8, 50, 3)
with torch.no_grad():
    y = net(x)
torch.save(net.state_dict(), "net.pt")
numpy.savez("R.npz", x=x, fc=y)
with open("expected.h", "w") as file:
    for name, array in ("samples", x[0]), ("expected", y[0]):
        rows = ",\n".join("    { " + ", ".join(f"{v:.9e}f" for v in row) + " }" for row in array.tolist())
        file.write(f"static const float {name}[{array.shape[0]}][{array.shape[1]}] = {{\n{rows}\n}};\n")
